"""Railway lines of the generated city."""

import geopandas as gpd
from shapely import LineString

from gisdata.facts import read_toml, to_metres
from gisdata.generate.ground import frame


def railway_table() -> gpd.GeoDataFrame:
    """Return the rows of railway."""
    rows = read_toml("geography.toml")["railway"]
    return frame(
        {"id": range(1, len(rows) + 1), "name_ko": [row["name_ko"] for row in rows]},
        [LineString(to_metres(row["line"])) for row in rows],
    )
