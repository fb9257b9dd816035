from django.urls import path

from enrichment import comparison_views, job_views, model_views, views

app_name = "enrichment"
urlpatterns = [
    path("reflections/", views.reflection_list, name="reflection-list"),
    path("cache/<str:key>/compare/", comparison_views.comparison, name="comparison"),
    path("cache/<str:key>/compare/keep/", comparison_views.comparison_keep, name="comparison-keep"),
    path("reflections/<uuid:reflection_id>/", views.reflection_detail, name="reflection-detail"),
    path(
        "reflections/<uuid:reflection_id>/retry/", views.reflection_retry, name="reflection-retry"
    ),
    path(
        "reflections/<uuid:reflection_id>/cancel/",
        views.reflection_cancel,
        name="reflection-cancel",
    ),
    path(
        "reflections/<uuid:reflection_id>/delete/",
        views.reflection_delete,
        name="reflection-delete",
    ),
    path("jobs/", job_views.job_list, name="job-list"),
    path("jobs/retry/", job_views.job_retry_many, name="job-retry-many"),
    path("jobs/cancel/", job_views.job_cancel_many, name="job-cancel-many"),
    path("jobs/<int:job_id>/", job_views.job_detail, name="job-detail"),
    path("jobs/<int:job_id>/retry/", job_views.job_retry, name="job-retry"),
    path("jobs/<int:job_id>/cancel/", job_views.job_cancel, name="job-cancel"),
    path("models/", model_views.model_list, name="model-list"),
    path("models/tokens.csv", model_views.model_speed, name="model-speed"),
    path("models/tuning/<int:run_id>/", model_views.tuning_detail, name="tuning-detail"),
    path("models/tuning/<int:run_id>/apply/", model_views.tuning_apply, name="tuning-apply"),
    path("models/tuning/<int:run_id>/restore/", model_views.tuning_restore, name="tuning-restore"),
]
