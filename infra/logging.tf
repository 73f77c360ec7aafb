# What the functions may see of Cloud Logging: containers' lines, and not the rest of the project's logs.

locals {
  pods_view = "projects/${var.project}/locations/global/buckets/_Default/views/${google_logging_log_view.pods.name}"
}

resource "google_logging_log_view" "pods" {
  name        = "${local.name}-pods"
  bucket      = "projects/${var.project}/locations/global/buckets/_Default"
  description = "Lines of GKE containers, for the log aggregator"
  # Views filter by source, resource type and log id; the namespace is the functions' to check.
  filter = "SOURCE(\"projects/${var.project}\") AND resource.type = \"k8s_container\""

  depends_on = [google_project_service.apis]
}

# Counted for the alerts of monitoring.tf: from Google's own lines, and from the functions' at INFO, which
# `settings` therefore may not silence.
resource "google_logging_metric" "fleet_lines" {
  name        = "log_aggregator_fleet_lines"
  description = "Lines of the fleet's containers"
  filter = join(" ", [
    "resource.type=\"k8s_container\"",
    "resource.labels.namespace_name=\"${lookup(var.settings, "KUBERNETES_NAMESPACE", "gpt")}\"",
  ])

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.apis]
}

resource "google_logging_metric" "summary_failures" {
  name        = "log_aggregator_summary_failures"
  description = "Requests for a summary that were answered with a 5xx"
  filter = join(" ", [
    "resource.type=\"cloud_run_revision\"",
    "resource.labels.service_name=\"${local.name}-summary\"",
    # Cloud Run's line of a request: there is one also of those that ended the instance, or were too slow.
    "log_id(\"run.googleapis.com/requests\") httpRequest.requestMethod=\"POST\" httpRequest.status>=500",
  ])

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.apis]
}

resource "google_logging_metric" "summary_jobs_failed" {
  name        = "log_aggregator_summary_jobs_failed"
  description = "Scheduled summaries that did not arrive or were refused"
  filter = join(" ", [
    "resource.type=\"cloud_scheduler_job\"",
    "resource.labels.job_id=~\"^${local.name}-summary-\"",
    "severity>=ERROR",
  ])

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.apis]
}

resource "google_logging_metric" "model_cost" {
  name        = "log_aggregator_model_cost_usd"
  description = "Dollars that the model cost, by the configured prices"
  filter = join(" ", [
    "resource.type=\"cloud_run_revision\"",
    "resource.labels.service_name=\"${local.name}-summary\"",
    "jsonPayload.cost_usd>0",
  ])
  value_extractor = "EXTRACT(jsonPayload.cost_usd)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
  }

  depends_on = [google_project_service.apis]
}
