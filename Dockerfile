# One image for every process; docker-compose.yml says what each of them runs.

# --- the fonts that contracts are set in
FROM node:22-bookworm-slim AS fonts
WORKDIR /fonts
COPY contracts/fonts/package.json contracts/fonts/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

# --- the visual editor of decision flows, as static files
FROM node:22-bookworm-slim AS editor
WORKDIR /risk/editor
COPY risk/editor/package.json risk/editor/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY risk/editor ./
RUN npm run build

# --- locked packages, each checked against its hash; fonts cut to what contracts embed; static files
FROM python:3.11-slim-bookworm AS build
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
RUN python -m venv /opt/venv
COPY requirements.lock modelling.lock lending/management/locked.py /opt/
RUN python /opt/locked.py /opt/requirements.lock > /opt/runtime.lock \
    && pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r /opt/runtime.lock
# 800 MB that only workers use, to build scorecards from data: docker compose build --build-arg MODELLING=yes
ARG MODELLING=no
RUN if [ "$MODELLING" = yes ]; then \
    pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r /opt/modelling.lock; fi
COPY . .
COPY --from=fonts /fonts/node_modules contracts/fonts/node_modules
COPY --from=editor /risk/static/risk/editor risk/static/risk/editor
# Nothing is connected to here: the values only have to be well formed.
RUN python -m contracts.providers.typefaces && python -m lending.management.translations compile \
    && SECRET_KEY=build ALLOWED_HOSTS=localhost DATABASE_URL=postgres://nobody@localhost/none REDIS_URL=redis://localhost \
    FIELD_ENCRYPTION_KEYS=MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA= DJANGO_SETTINGS_MODULE=lending.settings.base \
    STATIC_ROOT=/app/static python manage.py collectstatic --noinput --verbosity 0

# --- what runs
FROM python:3.11-slim-bookworm
# Pango sets type for WeasyPrint. Versions are the distribution's: its security updates must come with a rebuild.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fontconfig-config \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin cashloan \
    && install --directory --owner cashloan --mode 0700 /data /data/media
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=lending.settings.base \
    STATIC_ROOT=/app/static \
    MEDIA_ROOT=/data/media \
    RUN_DIR=/data
WORKDIR /app
USER 10001
EXPOSE 8000
