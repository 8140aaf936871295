"""Reads composed from every app's queries: what doors show that belongs to more than one app."""

from lending.overview.agreements import Agreement, agreements
from lending.overview.application import ApplicationPage, application_page
from lending.overview.customer import CustomerPage, customer_page
from lending.overview.dashboard import Alarm, Funnel, FunnelRow, WaitingRow, alarms, funnel, headroom, spend, waiting
from lending.overview.data_used import DataUse, data_used
from lending.overview.drills import DrillPage, drill_page
from lending.overview.export import export

__all__ = [
    "Agreement",
    "Alarm",
    "ApplicationPage",
    "CustomerPage",
    "DataUse",
    "DrillPage",
    "Funnel",
    "FunnelRow",
    "WaitingRow",
    "agreements",
    "alarms",
    "application_page",
    "customer_page",
    "data_used",
    "drill_page",
    "export",
    "funnel",
    "headroom",
    "spend",
    "waiting",
]
