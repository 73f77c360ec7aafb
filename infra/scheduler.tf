# Scheduled summaries: Cloud Scheduler asks through the gateway, like any caller, with a Google ID token.

locals {
  schedules = jsondecode(coalesce(var.summary_schedules, file("${path.module}/../shared/summary/schedules.json")))

  # A target that is not configured is left out: a summary is made and stored all the same.
  targets = { slack = "SLACK_WEBHOOK_URL", webhook = "SUMMARY_WEBHOOK_URL" }

  summary_jobs = {
    for one in local.schedules : one.name => {
      cron = one.cron
      zone = try(one.timezone, split(" ", var.market_hours)[1])
      body = merge(one.request, {
        deliver = [
          for target in try(one.request.deliver, []) :
          target if contains(keys(local.secret_references), lookup(local.targets, target, ""))
        ]
      })
    }
  }
}

resource "google_cloud_scheduler_job" "summaries" {
  for_each = local.summary_jobs

  name        = "${local.name}-summary-${each.key}"
  description = "POST /logs/summary: ${each.key}"
  region      = var.region
  schedule    = each.value.cron
  time_zone   = each.value.zone
  # Longer than Cloud Run gives the function: a job must not ask again while the first answer is on its way.
  attempt_deadline = "120s"

  retry_config {
    retry_count          = 3
    min_backoff_duration = "30s"
    max_backoff_duration = "300s"
  }

  http_target {
    http_method = "POST"
    uri         = "https://${google_api_gateway_gateway.this.default_hostname}/logs/summary"
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode(jsonencode(each.value.body))

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = var.jwt_audience
    }
  }

  depends_on = [google_project_service.apis]
}
