"""The catalogue of variables: what may be decided with."""

from django.contrib import admin

from lending.common.admin import ReadOnlyAdmin
from risk.models import Variable


@admin.register(Variable)
class VariableAdmin(ReadOnlyAdmin):
    list_display = ("name", "type", "nullable", "source", "path", "description_zh", "description_en")
    list_filter = ("source", "type", "nullable")
    search_fields = ("name", "path", "description_zh", "description_en")
