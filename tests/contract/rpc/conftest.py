from tests.fixtures.sample.fixtures import bus, database, database_url

__all__ = ["bus", "database", "database_url"]
