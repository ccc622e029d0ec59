"""The recordsets of the chassis, under the name that the repositories of this service know them by."""

from services.chassis.recordset import Recordset, array, quoted, text_array

__all__ = ["Recordset", "array", "quoted", "text_array"]
