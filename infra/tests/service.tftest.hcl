# What holds whatever Google answers: everything computed is unknown here, as on the first apply.

mock_provider "google" {
  mock_data "google_storage_bucket" {
    defaults = { location = "ASIA-SOUTH1" }
  }
}
mock_provider "google-beta" {}

variables {
  project = "gpt-runner-prod"
  bucket  = "gpt-runner-prod-logs"
  image   = "asia-south1-docker.pkg.dev/gpt-runner-prod/log-aggregator/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "plans_with_the_defaults" {
  command = plan

  assert {
    condition     = output.image == var.image
    error_message = "A rollback reads the image that runs from the output."
  }
  assert {
    condition     = length(google_firestore_database.this) == 0 && length(google_storage_bucket.logs) == 0
    error_message = "What the fleet has is not made again unless asked for."
  }
  assert {
    condition     = length(google_redis_instance.state) == 0 && length(google_billing_budget.monthly) == 0
    error_message = "Nothing with a fixed price unless asked for."
  }
  assert {
    condition     = alltrue([for one in google_cloud_scheduler_job.summaries : one.time_zone == "Asia/Kolkata"])
    error_message = "Jobs keep the market's time."
  }
}

run "plans_for_an_empty_project" {
  command = plan

  variables {
    create_bucket   = true
    create_database = true
    budget          = { billing_account = "000000-000000-000000", monthly = 50 }
    redis           = {}
    alert_emails    = ["ops@example.com"]
    jwt             = { issuer = "https://id.example.com", jwks_url = "https://id.example.com/keys" }
    token_signers   = ["user:ops@example.com"]
  }

  assert {
    condition     = google_firestore_database.this[0].delete_protection_state == "DELETE_PROTECTION_ENABLED"
    error_message = "The database is not to be deleted by a mistake."
  }
  assert {
    condition     = length(google_service_account_iam_member.token_signers) == 0
    error_message = "With an identity provider nobody signs tokens here."
  }
  assert {
    condition     = output.tokens_account == null
    error_message = "With an identity provider there is no account that signs."
  }
}

run "one_function_can_be_tuned" {
  command = plan

  variables {
    functions = { gcs = { memory = "2Gi", concurrency = 4 } }
  }

  assert {
    condition     = local.tuned.gcs.memory == "2Gi" && local.tuned.gcs.concurrency == 4 && local.tuned.gcs.cpu == "1"
    error_message = "What is named differs, the rest stays as in the table."
  }
}

run "without_a_fleet_nobody_is_woken_by_its_silence" {
  command = plan

  variables {
    alerts = { fleet_hours_utc = [] }
  }

  assert {
    condition     = !contains(keys(google_monitoring_alert_policy.this), "silent_fleet") && length(google_monitoring_alert_policy.this) == 5
    error_message = "Only the alert about the fleet goes."
  }
}
