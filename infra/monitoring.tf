# Watched from the first hour: an uptime check through the gateway, a dashboard, and the alerts. What each
# alert wants from whoever is woken by it stands in its documentation.

locals {
  # Of PromQL: every service of ours.
  ours = "service_name=~\"${local.name}-.*\""
  # Where there is none, its silence is nothing to wake anybody for.
  has_fleet   = length(var.alerts.fleet_hours_utc) == 2
  fleet_hours = local.has_fleet ? var.alerts.fleet_hours_utc : [0, 0]

  alerts = {
    errors = {
      title    = "Answers with 5xx"
      for      = "300s"
      severity = "ERROR"
      what     = "More than ${var.alerts.error_share * 100} % of all answers are 5xx. The log of the service (severity WARNING and above) names the source and the request ids; GET /health?deep=true tells which dependency is down."
      query    = "sum(rate(run_googleapis_com:request_count{${local.ours},response_code_class=\"5xx\"}[5m])) / sum(rate(run_googleapis_com:request_count{${local.ours}}[5m])) > ${var.alerts.error_share}"
    }
    latency = {
      title    = "Slow answers"
      for      = "600s"
      severity = "WARNING"
      what     = "The 95th percentile of a function is above ${var.alerts.p95_s} s. The fields elapsed_ms and scanned of its request lines tell which queries read much; wider windows cost more."
      query    = "histogram_quantile(0.95, sum by (le, service_name) (rate(run_googleapis_com:request_latencies_bucket{service_name=~\"${local.name}-.*\",service_name!=\"${local.name}-summary\"}[10m]))) > ${var.alerts.p95_s * 1000}"
    }
    summary_failures = {
      title    = "Summaries fail"
      for      = "0s"
      severity = "ERROR"
      what     = "A summary was answered with a 5xx, or a scheduled one did not arrive. Without a model a summary is still made, by rules: so a source or the state store is down, or the job's identity is not bound to the role scheduler."
      query    = "(sum(increase(logging_googleapis_com:user_${google_logging_metric.summary_failures.name}{monitored_resource=\"cloud_run_revision\"}[15m])) or vector(0)) + (sum(increase(logging_googleapis_com:user_${google_logging_metric.summary_jobs_failed.name}{monitored_resource=\"cloud_scheduler_job\"}[15m])) or vector(0)) > 0"
    }
    spend = {
      title    = "The model's cost"
      for      = "0s"
      severity = "WARNING"
      what     = "The model cost more than ${var.alerts.daily_usd} dollars in a day. SUMMARY_DAILY_USD is the limit at which summaries are made by rules instead; who asked is in the audit lines."
      query    = "sum(increase(logging_googleapis_com:user_${google_logging_metric.model_cost.name}_sum{monitored_resource=\"cloud_run_revision\"}[1d])) > ${var.alerts.daily_usd}"
    }
    silent_fleet = {
      title    = "The fleet is silent"
      for      = "300s"
      severity = "CRITICAL"
      what     = "No container of the fleet has written a line for half an hour within its hours: the pods are down, or their logs do not arrive."
      query    = "(sum(increase(logging_googleapis_com:user_${google_logging_metric.fleet_lines.name}{monitored_resource=\"k8s_container\"}[30m])) or vector(0)) < 1 and on() (hour() >= ${local.fleet_hours[0]}) and on() (hour() < ${local.fleet_hours[1]}) and on() (day_of_week() >= 1) and on() (day_of_week() <= 5)"
    }
    unreachable = {
      title    = "The gateway does not answer"
      for      = "300s"
      severity = "CRITICAL"
      what     = "GET /health through the gateway fails from most of the world. After a deployment: roll back. Else look whether the project's billing and the gateway's managed service are on."
      query    = "avg(avg_over_time(monitoring_googleapis_com:uptime_check_check_passed{monitored_resource=\"uptime_url\",check_id=\"${google_monitoring_uptime_check_config.health.uptime_check_id}\"}[20m])) < 0.5"
    }
  }

  # Title, unit and PromQL of the dashboard's charts, two in a row.
  charts = [
    { title = "Requests by function", unit = "1/s", query = "sum by (service_name) (rate(run_googleapis_com:request_count{${local.ours}}[5m]))" },
    { title = "Answers by class", unit = "1/s", query = "sum by (response_code_class) (rate(run_googleapis_com:request_count{${local.ours}}[5m]))" },
    { title = "95th percentile by function", unit = "ms", query = "histogram_quantile(0.95, sum by (le, service_name) (rate(run_googleapis_com:request_latencies_bucket{${local.ours}}[5m])))" },
    { title = "Instances by function", unit = "1", query = "sum by (service_name) (run_googleapis_com:container_instance_count{${local.ours}})" },
    { title = "Lines of the fleet", unit = "1/s", query = "sum(rate(logging_googleapis_com:user_${google_logging_metric.fleet_lines.name}{monitored_resource=\"k8s_container\"}[5m]))" },
    { title = "The model's cost in a day", unit = "USD", query = "sum(increase(logging_googleapis_com:user_${google_logging_metric.model_cost.name}_sum{monitored_resource=\"cloud_run_revision\"}[1d]))" },
  ]
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = each.value
  type         = "email"
  labels       = { email_address = each.value }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_uptime_check_config" "health" {
  display_name = "${local.name} through the gateway"
  timeout      = "10s"
  # An execution is paid for: three places, which is the least there can be.
  period           = "600s"
  selected_regions = ["ASIA_PACIFIC", "EUROPE", "USA_VIRGINIA"]

  http_check {
    path         = "/health"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type   = "uptime_url"
    labels = { project_id = var.project, host = google_api_gateway_gateway.this.default_hostname }
  }

  content_matchers {
    content = "\"status\":\"ok\""
    matcher = "CONTAINS_STRING"
  }
}

resource "google_monitoring_alert_policy" "this" {
  for_each = { for name, alert in local.alerts : name => alert if name != "silent_fleet" || local.has_fleet }

  display_name          = "${local.name}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = values(google_monitoring_notification_channel.email)[*].id

  conditions {
    display_name = each.value.title
    condition_prometheus_query_language {
      query               = each.value.query
      duration            = each.value.for
      evaluation_interval = "60s"
      # On the first apply nothing has been counted yet.
      disable_metric_validation = true
    }
  }

  documentation {
    content   = each.value.what
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_dashboard" "this" {
  depends_on = [google_project_service.apis]

  dashboard_json = jsonencode({
    displayName = local.name
    mosaicLayout = {
      columns = 48
      tiles = [
        for place, chart in local.charts : {
          xPos   = 24 * (place % 2)
          yPos   = 16 * floor(place / 2)
          width  = 24
          height = 16
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [{ plotType = "LINE", timeSeriesQuery = { prometheusQuery = chart.query, unitOverride = chart.unit } }]
            }
          }
        }
      ]
    }
  })
}
