data "google_project" "this" {
  count = var.budget == null ? 0 : 1
}

resource "google_billing_budget" "monthly" {
  count = var.budget == null ? 0 : 1

  billing_account = var.budget.billing_account
  display_name    = "${local.name} ${var.environment}"

  budget_filter {
    projects = ["projects/${data.google_project.this[0].number}"]
  }

  amount {
    specified_amount {
      units = tostring(floor(var.budget.monthly))
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  all_updates_rule {
    monitoring_notification_channels = values(google_monitoring_notification_channel.email)[*].id
    disable_default_iam_recipients   = false
  }

  depends_on = [google_project_service.apis]
}
