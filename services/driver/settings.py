"""The settings of the driver service beside those that every service has."""

from typing import Annotated

from pydantic import Field, FilePath, SecretStr

from services.process.settings import ServiceSettings


class DriverSettings(ServiceSettings):
    """Each field is the environment variable of its name in capitals."""

    # The service that signs tokens cannot do without.
    jwt_private_key_file: FilePath
    # What Envoy shows to prove that it says truly from where a call comes. Without it all calls that come through Envoy
    # come from where Envoy is, and wait for each other's wrong passwords.
    api_proxy_secret: Annotated[SecretStr, Field(min_length=32)] | None = None
