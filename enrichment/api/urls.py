from django.urls import path

from enrichment.api.views import (
    ReflectionCancel,
    ReflectionCancelMany,
    ReflectionDetail,
    ReflectionList,
    ReflectionRetry,
    ReflectionRetryMany,
)
from enrichment.api.warm_ups import CacheWarmUp, CacheWarmUps
from enrichment.api.webhooks import (
    WebhookDeliveries,
    WebhookDetail,
    WebhookList,
    WebhookRetry,
    WebhookTest,
)

one = "reflections/<uuid:reflection_id>/"
hook = "webhooks/<uuid:webhook_id>/"
urlpatterns = [
    path("reflections/", ReflectionList.as_view(), name="reflection-list"),
    path("reflections/retry/", ReflectionRetryMany.as_view(), name="reflection-retry-many"),
    path("reflections/cancel/", ReflectionCancelMany.as_view(), name="reflection-cancel-many"),
    path(one, ReflectionDetail.as_view(), name="reflection-detail"),
    path(f"{one}retry/", ReflectionRetry.as_view(), name="reflection-retry"),
    path(f"{one}cancel/", ReflectionCancel.as_view(), name="reflection-cancel"),
    path("webhooks/", WebhookList.as_view(), name="webhook-list"),
    path(hook, WebhookDetail.as_view(), name="webhook-detail"),
    path(f"{hook}test/", WebhookTest.as_view(), name="webhook-test"),
    path(f"{hook}deliveries/", WebhookDeliveries.as_view(), name="webhook-deliveries"),
    path(
        f"{hook}deliveries/<uuid:delivery_id>/retry/",
        WebhookRetry.as_view(),
        name="webhook-delivery-retry",
    ),
    path("cache/warm/", CacheWarmUps.as_view(), name="cache-warm-list"),
    path("cache/warm/<int:run_id>/", CacheWarmUp.as_view(), name="cache-warm-detail"),
]
