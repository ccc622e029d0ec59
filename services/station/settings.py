"""The settings of the station service beside those that every service has."""

from services.chassis.settings import ServiceSettings


class StationSettings(ServiceSettings):
    """Each field is the environment variable of its name in capitals."""

    # Whether charge points that nobody registered may connect and wait, as PENDING, for an operator.
    ocpp_allow_unknown: bool = False
