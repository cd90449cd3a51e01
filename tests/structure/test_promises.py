"""Each promise to the user about safety, work and the sandbox has a test that is named after it."""

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]

PROMISES = """
dns_rebinding_gets_nothing no_other_page_can_act_as_the_user no_route_is_open_by_mistake one_user_never_reads_anothers
guessing_is_slowed revoking_ends_what_is_open secrets_are_bound_to_their_row keys_rotate_live
a_reused_refresh_token_ends_the_family model_output_is_hostile file_handles_come_only_from_uploads
outbound_requests_stay_where_they_may_go

killed_processes_lose_nothing a_stale_worker_cannot_finish_anothers_work one_firing_per_planned_time
time_zones_and_clock_changes sleep_and_clock_jumps deliveries_arrive a_failing_destination_is_set_aside_and_comes_back
inbound_delivery_runs_once live_streams_are_complete cancel_means_stopped disk_full power_loss
backup_restore_upgrade

isolation abuse_is_contained nothing_survives
"""
"""About access and secrets, about work, about the sandbox; what is measured rather than promised is in `make bench`."""


def test_every_promise_has_a_test_named_after_it() -> None:
    named = [
        node.name
        for path in TESTS.glob("*/test_*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert [promise for promise in PROMISES.split() if not any(promise in name for name in named)] == []
