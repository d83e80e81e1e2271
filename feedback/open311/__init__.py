"""Reports as Open311 GeoReport v2 has them, for other cities' programs and whoever writes one for all cities.

The standard (https://wiki.open311.org/GeoReport_v2/) says what is called how; docs/open311.md, what is our own."""
