# One image for every process of the city; docker-compose.yml gives each container its role.
FROM python:3.11-slim-bookworm

RUN apt-get update \
 && apt-get install -y --no-install-recommends mosquitto \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.lock

COPY twin ./twin
COPY layers ./layers
COPY gisdata ./gisdata
COPY simulations ./simulations
COPY frontend ./frontend
COPY backend ./backend
RUN python -m frontend.build && rm -rf frontend/component/node_modules ~/.npm

RUN useradd --create-home gunsan && mkdir /data && chown gunsan:gunsan /data
USER gunsan
ENV PYTHONUNBUFFERED=1
VOLUME /data
ENTRYPOINT ["python", "-m", "backend"]
