"""Firmware campaigns: what callers ask for, and the records."""

from csms.station.v1 import firmware_campaign_pb2 as campaign_pb
from services.rpc.protobuf import duration, duration_of, enum_of, timestamp
from services.station.domain.firmware_campaign import (
    CampaignPlan,
    CampaignState,
    CampaignView,
    Selection,
    Target,
    TargetState,
)

_NUMBERS = ("canaries", "wave_size", "max_in_flight", "updates_per_minute")
_TIMES = ("update_timeout", "watch_period", "wait_timeout")
_SELECTION = tuple(name for name in Selection.__slots__ if name != "charge_point_ids")


def campaign_plan(asked: campaign_pb.FirmwareCampaign) -> CampaignPlan:
    """What is asked of a campaign; what is left out is as usual. Raises: INVALID_FIELD."""
    said: dict[str, object] = {name: number for name in _NUMBERS if (number := getattr(asked, name))}
    said |= {name: time for name in _TIMES if (time := duration_of(asked, name)) is not None}
    if asked.HasField("max_failed_share"):
        said["max_failed_share"] = asked.max_failed_share
    selection = Selection(
        charge_point_ids=tuple(dict.fromkeys(asked.selection.charge_point_ids)),
        **{name: getattr(asked.selection, name) for name in _SELECTION},
    )
    return CampaignPlan(name=asked.name, file_id=asked.file_id, selection=selection, **said)  # type: ignore[arg-type]


def campaign_state(number: int) -> CampaignState | None:
    """The state in a filter. Raises: INVALID_FIELD."""
    return enum_of(CampaignState, campaign_pb.FirmwareCampaign.State, number)


def target_state(number: int) -> TargetState | None:
    """The state of a charge point in a filter. Raises: INVALID_FIELD."""
    return enum_of(TargetState, campaign_pb.FirmwareCampaignTarget.State, number)


def campaign_to_proto(view: CampaignView) -> campaign_pb.FirmwareCampaign:
    """The record as callers see it."""
    campaign, counts = view.campaign, view.counts
    selection = campaign.selection
    message = campaign_pb.FirmwareCampaign(
        id=campaign.id,
        name=campaign.name,
        file_id=campaign.file_id,
        selection=campaign_pb.FirmwareCampaignSelection(
            charge_point_ids=selection.charge_point_ids, **{name: getattr(selection, name) for name in _SELECTION}
        ),
        **{name: getattr(campaign, name) for name in _NUMBERS},
        max_failed_share=campaign.max_failed_share,
        state=campaign_pb.FirmwareCampaign.State.Value(campaign.state),
        reason=campaign.reason,
        wave=campaign.wave,
        waves=campaign.waves,
        progress=campaign_pb.FirmwareCampaignProgress(**{state.lower(): number for state, number in counts.items()}),
        requested_by=campaign.requested_by,
        changed_by=campaign.changed_by,
        create_time=timestamp(campaign.create_time),
        update_time=timestamp(campaign.update_time),
        end_time=timestamp(campaign.end_time),
    )
    for name in _TIMES:
        getattr(message, name).CopyFrom(duration(getattr(campaign, name)))
    return message


def target_to_proto(target: Target) -> campaign_pb.FirmwareCampaignTarget:
    """A charge point of a campaign as callers see it."""
    return campaign_pb.FirmwareCampaignTarget(
        charge_point_id=target.charge_point_id,
        wave=target.wave,
        state=campaign_pb.FirmwareCampaignTarget.State.Value(target.state),
        reason=target.reason,
        command_id=target.command_id,
        update_time=timestamp(target.update_time),
    )
