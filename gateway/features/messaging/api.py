"""Routes of destinations, subscriptions and deliveries."""

from flask import Response, current_app, g

from gateway.core.http.answers import answer, check_version, created, no_content, page_of
from gateway.core.http.room import Room, actor, keys, work
from gateway.core.paging import listed
from gateway.core.schemas import IdPath, Page
from gateway.core.unit_of_work import unit_of_work

from . import service, service_deliveries, service_subscriptions
from .models import Delivery, Destination, Subscription
from .schemas import (
    DeliveryOut,
    DeliveryQuery,
    DestinationCreated,
    DestinationIn,
    DestinationKinds,
    DestinationOut,
    DestinationPatch,
    DestinationQuery,
    Redelivered,
    RedeliverSince,
    SecretRotate,
    SubscriptionIn,
    SubscriptionOut,
    SubscriptionPatch,
    SubscriptionQuery,
    SubscriptionTried,
    SubscriptionTry,
)

room = Room("messaging", __name__, title="Messaging")


def _created(destination: Destination, secret: str | None) -> DestinationCreated:
    return DestinationCreated(**service.describe(destination).model_dump(), signing_secret=secret)


@room.get("/destinations", responses={200: Page[DestinationOut]}, summary="Destinations, without their secrets")
def list_destinations(query: DestinationQuery) -> Response:
    found = service.visible(work(), query)
    paged = listed(work().session, found, Destination.id, query)
    return page_of(DestinationOut, paged, [service.describe(row) for row in paged.rows])


@room.get("/destinations/kinds", responses={200: DestinationKinds}, summary="The kinds there are, with their settings")
def list_kinds() -> Response:
    return answer(DestinationKinds(items=service.kinds(work())))


@room.post("/destinations", responses={201: DestinationCreated}, summary="Add a destination")
def create_destination(body: DestinationIn) -> Response:
    destination, secret = service.create(work(), keys(), body)
    return created(_created(destination, secret), f"/v1/destinations/{destination.id}")


@room.get("/destinations/<uuid:id>", responses={200: DestinationOut}, summary="One destination, without its secret")
def get_destination(path: IdPath) -> Response:
    return answer(service.describe(service.get(work(), path.id)))


@room.patch("/destinations/<uuid:id>", responses={200: DestinationOut}, summary="Change a destination")
def patch_destination(path: IdPath, body: DestinationPatch) -> Response:
    destination = service.for_change(work(), path.id)
    check_version(destination.version)
    return answer(service.describe(service.change(work(), keys(), destination, body)))


@room.delete("/destinations/<uuid:id>", responses={204: None}, summary="Delete one with all that belongs to it")
def delete_destination(path: IdPath) -> Response:
    service.remove(work(), path.id)
    return no_content()


@room.post("/destinations/<uuid:id>/rotate", responses={200: DestinationCreated}, summary="Replace the secret")
def rotate_destination(path: IdPath, body: SecretRotate) -> Response:
    destination = service.for_change(work(), path.id, "destinations.rotate")
    made = service.rotate(work(), keys(), destination, body)
    return answer(_created(destination, made))


@room.post("/destinations/<uuid:id>/test", responses={200: DeliveryOut}, summary="Send a test message, and wait for it")
def test_destination(path: IdPath) -> Response:
    # The node sees the message only once it is committed; this request's own unit of work is not through by then.
    sessions = current_app.extensions["gateway_sessions"]
    with unit_of_work(sessions, actor(), request_id=g.request_id) as order:
        delivery_id = service_deliveries.begin_test(order, path.id)
    return answer(_delivery(service_deliveries.wait_for_test(work(), delivery_id)))


@room.post("/destinations/<uuid:id>/redeliver", responses={200: Redelivered}, summary="Send again all since a time")
def redeliver_since(path: IdPath, body: RedeliverSince) -> Response:
    return answer(Redelivered(count=service_deliveries.redeliver_since(work(), path.id, body)))


@room.get("/subscriptions", responses={200: Page[SubscriptionOut]}, summary="Subscriptions to events")
def list_subscriptions(query: SubscriptionQuery) -> Response:
    found = service_subscriptions.visible(work(), query)
    paged = listed(work().session, found, Subscription.id, query)
    return page_of(SubscriptionOut, paged, service_subscriptions.shown(work(), paged.rows))


@room.post("/subscriptions", responses={201: SubscriptionOut}, summary="Subscribe a destination to events")
def create_subscription(body: SubscriptionIn) -> Response:
    [subscription] = service_subscriptions.shown(work(), [service_subscriptions.create(work(), body)])
    return created(subscription, f"/v1/subscriptions/{subscription.id}")


@room.post("/subscriptions/preview", responses={200: SubscriptionTried}, summary="Try one on the newest events")
def preview_subscription(body: SubscriptionTry) -> Response:
    return answer(service_subscriptions.try_out(work(), body))


@room.get("/subscriptions/<uuid:id>", responses={200: SubscriptionOut}, summary="One subscription")
def get_subscription(path: IdPath) -> Response:
    [subscription] = service_subscriptions.shown(work(), [service_subscriptions.get(work(), path.id)])
    return answer(subscription)


@room.patch("/subscriptions/<uuid:id>", responses={200: SubscriptionOut}, summary="Change a subscription")
def patch_subscription(path: IdPath, body: SubscriptionPatch) -> Response:
    subscription = service_subscriptions.for_change(work(), path.id)
    check_version(subscription.version)
    return answer(service_subscriptions.shown(work(), [service_subscriptions.change(work(), subscription, body)])[0])


@room.delete("/subscriptions/<uuid:id>", responses={204: None}, summary="End a subscription")
def delete_subscription(path: IdPath) -> Response:
    service_subscriptions.remove(work(), path.id)
    return no_content()


@room.get("/deliveries", responses={200: Page[DeliveryOut]}, summary="Deliveries with their attempts")
def list_deliveries(query: DeliveryQuery) -> Response:
    found = service_deliveries.visible(work(), query)
    paged = listed(work().session, found, Delivery.id, query)
    return page_of(DeliveryOut, paged, service_deliveries.describe(work(), paged.rows))


@room.get("/deliveries/<uuid:id>", responses={200: DeliveryOut}, summary="One delivery")
def get_delivery(path: IdPath) -> Response:
    return answer(_delivery(service_deliveries.get(work(), path.id)))


@room.post("/deliveries/<uuid:id>/redeliver", responses={200: DeliveryOut}, summary="Send one again, under its old id")
def redeliver(path: IdPath) -> Response:
    return answer(_delivery(service_deliveries.redeliver(work(), path.id)))


def _delivery(row: Delivery) -> DeliveryOut:
    return service_deliveries.describe(work(), [row])[0]
