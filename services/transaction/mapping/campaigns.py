"""Command campaigns: what callers ask for, whom the station service is asked for, and the records."""

from csms.station.v1 import charge_point_pb2 as charge_point_pb
from csms.station.v1 import charge_point_service_pb2 as station_pb
from csms.transaction.v1 import command_campaign_pb2 as campaign_pb
from csms.transaction.v1 import command_campaign_service_pb2 as service_pb
from csms.transaction.v1 import command_pb2 as command_pb
from services.kernel.errors import invalid
from services.kernel.identity import composed
from services.rpc.protobuf import duration, enum_of, timestamp
from services.transaction.domain.campaign import (
    SELECTION_TEXTS,
    CampaignOptions,
    CampaignState,
    CampaignView,
    Selection,
)
from services.transaction.domain.command import CommandState
from services.transaction.mapping.commands import body_to_proto, priority_to_proto

_USUAL_STATE = charge_point_pb.ChargePoint.ACCEPTED


def campaign_options(request: service_pb.CreateCommandCampaignRequest) -> CampaignOptions:
    """What is asked of a campaign beside its command. Raises: INVALID_FIELD."""
    return CampaignOptions(
        name=request.name,
        selection=_selection(request.selection),
        commands_per_second=request.commands_per_second or None,
        max_in_flight=request.max_in_flight or None,
    )


def campaign_state(number: int) -> CampaignState | None:
    """The state in a filter. Raises: INVALID_FIELD."""
    return enum_of(CampaignState, campaign_pb.CommandCampaign.State, number)


def command_state(number: int) -> CommandState | None:
    """The state of a command in a filter. Raises: INVALID_FIELD."""
    return enum_of(CommandState, command_pb.Command.State, number)


def campaign_to_proto(view: CampaignView) -> campaign_pb.CommandCampaign:
    """The record as callers see it."""
    campaign = view.campaign
    message = campaign_pb.CommandCampaign(
        id=campaign.id,
        name=campaign.name,
        kind=campaign.kind,
        command=body_to_proto(campaign.kind, campaign.body, to_show=True),
        selection=_selection_to_proto(campaign.selection),
        commands_per_second=campaign.commands_per_second,
        max_in_flight=campaign.max_in_flight,
        queue_while_offline=campaign.queue_while_offline,
        expire_after=duration(campaign.life),
        priority=priority_to_proto(campaign.priority),
        state=campaign_pb.CommandCampaign.State.Value(campaign.state),
        progress=campaign_pb.CommandCampaignProgress(
            selected=campaign.selected,
            pending=campaign.pending,
            **{state.lower(): count for state, count in (view.commands or {}).items()},
        ),
        requested_by=campaign.requested_by,
        changed_by=campaign.changed_by,
        create_time=timestamp(campaign.create_time),
        update_time=timestamp(campaign.update_time),
        error=campaign.error,
    )
    for name in ("select_time", "end_time"):
        if (time := getattr(campaign, name)) is not None:
            getattr(message, name).CopyFrom(timestamp(time))
    return message


def page_of_selected(selection: Selection, page_size: int, page_token: str) -> station_pb.ListChargePointsRequest:
    """How the station service is asked for a page of those that are selected."""
    request = station_pb.ListChargePointsRequest(
        **{name: getattr(selection, name) for name in SELECTION_TEXTS},
        state=charge_point_pb.ChargePoint.State.Value(selection.state) if selection.state else _USUAL_STATE,
        page_size=page_size,
        page_token=page_token,
    )
    if selection.online is not None:
        request.online = selection.online
    return request


def _selection(message: campaign_pb.ChargePointSelection) -> Selection:
    return Selection(
        **{name: getattr(message, name) for name in SELECTION_TEXTS},
        charge_point_ids=tuple(dict.fromkeys(map(composed, message.charge_point_ids))),
        state=_state_name(message.state),
        online=message.online if message.HasField("online") else None,
        all=message.all,
    )


def _state_name(number: charge_point_pb.ChargePoint.State.ValueType) -> str:
    if number == charge_point_pb.ChargePoint.STATE_UNSPECIFIED:
        return ""
    try:
        return charge_point_pb.ChargePoint.State.Name(number)
    except ValueError:
        raise invalid("selection.state", f"{number} is unknown") from None


def _selection_to_proto(selection: Selection) -> campaign_pb.ChargePointSelection:
    message = campaign_pb.ChargePointSelection(
        **{name: getattr(selection, name) for name in SELECTION_TEXTS},
        charge_point_ids=selection.charge_point_ids,
        all=selection.all,
    )
    if selection.state:
        message.state = charge_point_pb.ChargePoint.State.Value(selection.state)
    if selection.online is not None:
        message.online = selection.online
    return message
