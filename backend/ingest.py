"""The ingest process: all sources into the one pipeline."""

import asyncio
import logging
from typing import Any

from backend.pipeline import Pipeline
from backend.sources import inlet
from backend.sources.ais import AisSource
from backend.sources.mqtt import MqttSource
from layers import load_layers
from twin.settings import Settings


async def run(settings: Settings) -> None:
    """Run until cancelled; the end of any part ends the process, the supervisor starts it again."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    pipeline = Pipeline(settings.dsn(), load_layers())
    mqtt = MqttSource(settings.broker_host, settings.mqtt_port, settings.secrets().broker_password, pipeline)

    def status() -> dict[str, Any]:
        return {"broker": mqtt.is_connected, "store": pipeline.is_open, "waiting": pipeline.waiting}

    mqtt.start()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(pipeline.run())
            group.create_task(AisSource(settings.host, settings.nmea_port, pipeline).run())
            group.create_task(inlet.serve(settings.inlet_path, pipeline, status))
    finally:
        mqtt.stop()
        pipeline.close()
