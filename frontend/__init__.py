"""The screens: a Dash app on the service's own server, and the map component that it shows.

`_js_dist` and `_css_dist` are Dash's convention: what the page loads for the components of this package.
"""

__version__ = "0.1.0"

_DIST = "component/dist"
_js_dist = [
    {"relative_package_path": f"{_DIST}/twin_map.js", "namespace": __name__},
    {"relative_package_path": f"{_DIST}/maplibre-gl-worker.mjs", "namespace": __name__, "dynamic": True},
    {"relative_package_path": f"{_DIST}/PretendardVariable.woff2", "namespace": __name__, "dynamic": True},
]
_css_dist = [{"relative_package_path": f"{_DIST}/twin_map.css", "namespace": __name__}]
