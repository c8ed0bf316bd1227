"""The units a layer may use (UCUM codes), with how they are written on the screen."""

UNITS: dict[str, str] = {
    "1": "",
    "%": "%",
    "m": "m",
    "mm": "mm",
    "mm/h": "mm/h",
    "km/h": "km/h",
    "[kn_i]": "kn",
    "deg": "°",
    "Cel": "°C",
    "mA": "mA",
    "V": "V",
    "s": "s",
    "min": "분",
    "ug/m3": "㎍/㎥",
    "[ppb]": "ppb",
    "[ppm]": "ppm",
    "m3/s": "㎥/s",
    "m/s": "m/s",
    "mg/L": "mg/L",
    "[NTU]": "NTU",
    "{count}": "",
    "kg": "kg",
    "dB": "dB",
}
"""UCUM code -> sign. `1` is a pure number, `{count}` a count."""
