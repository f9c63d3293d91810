"""The explorer: a web page that turns a face by its graphics code, the engine behind it, its server and static site."""
