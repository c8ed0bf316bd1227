"""Places of service: halls, fire and police stations, hospitals, schools, shelters; and their buildings."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gisdata.facts import SCHOOLS, read_csv, to_metres
from gisdata.generate.footprints import STOREY_M, USES, Candidates, blocks, boxes, district_of
from gisdata.generate.ground import frame, locate, share_out
from gisdata.generate.streets import Streets

SHELTERS = 120


@dataclass(frozen=True, slots=True)
class Place:
    """A place of service at (x, y) [m, EPSG:5186], true within `accuracy_m`."""

    kind: str
    name_ko: str
    name_en: str | None
    x: float
    y: float
    accuracy_m: float


def named_places() -> list[Place]:
    """Return the places that are known by name."""
    places = []
    for row in read_csv("places.csv"):
        x, y = to_metres([float(row["lon"]), float(row["lat"])])
        places.append(Place(row["kind"], row["name_ko"], row["name_en"], float(x), float(y), float(row["accuracy_m"])))
    return places


def schools(units: gpd.GeoDataFrame, streets: Streets, rng: np.random.Generator) -> list[Place]:
    """Spread the schools over the units by people, one at least in each, into blocks of their own."""
    faces = blocks(streets)
    size = shapely.area(faces)
    spots = shapely.point_on_surface(faces)
    unit = locate(spots, units.geometry.to_numpy())
    # a block of one to twelve hectares is a good school ground
    fit = np.where((size > 1e4) & (size < 1.2e5), 0, 1) + rng.random(len(faces))
    district = district_of(spots, streets)
    fit += np.array([5.0 * (d >= 0 and streets.districts[d].style == "estate") for d in district])
    number = 1 + share_out(SCHOOLS - len(units), units.population.to_numpy().astype(float))
    grades = (
        ("초등학교", "Elementary School"),
        ("중학교", "Middle School"),
        ("초등학교", "Elementary School"),
        ("고등학교", "High School"),
    )
    found: list[Place] = []
    for k, wanted in enumerate(number):
        at = np.flatnonzero(unit == k)
        at = at[np.argsort(fit[at], kind="stable")][:wanted]
        points = shapely.get_coordinates(spots[at])
        if len(points) < wanted:
            inside = shapely.get_coordinates(shapely.point_on_surface(units.geometry.iloc[k]))
            points = np.concatenate(
                [
                    points,
                    np.repeat(inside, wanted - len(points), axis=0) + rng.uniform(-400, 400, (wanted - len(points), 2)),
                ]
            )
        name_ko, name_en = str(units.name_ko.iloc[k]), str(units.name_en.iloc[k])
        for i, (x, y) in enumerate(points):
            grade_ko, grade_en = grades[i % 4]
            stem = name_ko.removesuffix("동").removesuffix("면").removesuffix("읍")
            order = "" if i < 4 else f"제{i // 4 + 1}"
            found.append(
                Place(
                    "school",
                    f"{stem}{order}{grade_ko}",
                    f"{name_en.split('-')[0]} {grade_en} {i // 4 + 1}",
                    float(x),
                    float(y),
                    0,
                )
            )
    return found


def shelters(units: gpd.GeoDataFrame, from_schools: list[Place], rng: np.random.Generator) -> list[Place]:
    """Make shelters of the schools, and of a community hall in each unit."""
    found = [
        Place("shelter", f"{s.name_ko} 대피소", f"{s.name_en} shelter", s.x + 20, s.y - 20, 0) for s in from_schools
    ]
    halls = shapely.get_coordinates(shapely.point_on_surface(units.geometry.to_numpy())) + rng.uniform(
        -50, 50, (len(units), 2)
    )
    found += [
        Place(
            "shelter",
            f"{row.name_ko} 행정복지센터 대피소",
            f"{row.name_en} community center shelter",
            float(x),
            float(y),
            0,
        )
        for row, (x, y) in zip(units.itertuples(), halls, strict=True)
    ]
    return found[:SHELTERS] if len(found) > SHELTERS else found


def facility_table(places: list[Place]) -> gpd.GeoDataFrame:
    """Return the rows of facility."""
    return frame(
        {
            "id": range(1, len(places) + 1),
            "kind": [place.kind for place in places],
            "name_ko": [place.name_ko for place in places],
            "name_en": [place.name_en for place in places],
            "accuracy_m": [place.accuracy_m for place in places],
        },
        shapely.points([[place.x, place.y] for place in places]),
    )


def public_buildings(places: list[Place], streets: Streets, rng: np.random.Generator) -> Candidates:
    """Give halls, stations, hospitals, schools their buildings; each is moved off the streets where it must."""
    sizes = {
        "school": (72.0, 15.0, 4),
        "hall": (95.0, 32.0, 8),
        "hospital": (70.0, 30.0, 7),
        "fire": (28.0, 18.0, 2),
        "police": (30.0, 18.0, 3),
        "station": (60.0, 24.0, 2),
    }
    chosen = [place for place in places if place.kind in sizes]
    xy = np.array([[place.x, place.y] for place in chosen])
    width = np.array([sizes[place.kind][0] for place in chosen])
    depth = np.array([sizes[place.kind][1] for place in chosen])
    floors = np.array([sizes[place.kind][2] for place in chosen])
    angle = _nearest_angle(xy, streets)
    xy = _off_streets(xy, angle, width, depth, streets, rng)
    use = np.array([USES.index("school" if place.kind == "school" else "public") for place in chosen])
    return Candidates(boxes(xy, angle, width, depth), use, floors, floors * STOREY_M * 1.25 + 1)


def _nearest_angle(xy: NDArray[np.float64], streets: Streets) -> NDArray[np.float64]:
    lines = streets.network.lines.geom
    near = lines[shapely.STRtree(lines).nearest(shapely.points(xy))]
    a = shapely.get_coordinates(shapely.get_point(near, 0))
    b = shapely.get_coordinates(shapely.get_point(near, -1))
    return np.arctan2(b[:, 1] - a[:, 1], b[:, 0] - a[:, 0])


def _off_streets(
    xy: NDArray[np.float64],
    angle: NDArray[np.float64],
    width: NDArray[np.float64],
    depth: NDArray[np.float64],
    streets: Streets,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Move rectangles by up to some 200 m until none touches a street or an earlier one."""
    xy = xy.copy()
    start = xy.copy()
    tree = shapely.STRtree(streets.network.lines.geom)
    for turn in range(25):
        found = boxes(xy, angle, width, depth)
        bad = np.zeros(len(xy), bool)
        hit = tree.query(found, predicate="dwithin", distance=14.0)
        bad[hit[0]] = True
        i, j = shapely.STRtree(found).query(found, predicate="dwithin", distance=4.0)
        bad[np.maximum(i, j)[i != j]] = True
        if not bad.any():
            break
        xy[bad] = start[bad] + rng.normal(0, 15 + 7 * turn, (int(bad.sum()), 2))
    return xy
