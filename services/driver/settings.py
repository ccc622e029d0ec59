"""The settings of the driver service beside those that every service has."""

from pydantic import FilePath

from services.chassis.settings import ServiceSettings


class DriverSettings(ServiceSettings):
    """Each field is the environment variable of its name in capitals."""

    # The service that signs tokens cannot do without.
    jwt_private_key_file: FilePath
