# Bad input is refused with a sentence before anything is made. The sentences are in tests/infra.

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

run "refuses_a_tag" {
  command = plan
  variables {
    image = "asia-south1-docker.pkg.dev/gpt-runner-prod/log-aggregator/app:latest"
  }
  expect_failures = [var.image]
}

run "refuses_a_missing_image" {
  command = plan
  variables {
    image = ""
  }
  expect_failures = [var.image]
}

run "refuses_a_missing_project" {
  command = plan
  variables {
    project = ""
  }
  expect_failures = [var.project]
}

run "refuses_a_project_number" {
  command = plan
  variables {
    project = "123456789012"
  }
  expect_failures = [var.project]
}

run "refuses_to_look_for_a_bucket_without_a_name" {
  command = plan
  variables {
    bucket = null
  }
  expect_failures = [var.bucket]
}

run "refuses_a_zone" {
  command = plan
  variables {
    region = "asia-south1-a"
  }
  expect_failures = [var.region]
}

run "refuses_an_unknown_function" {
  command = plan
  variables {
    functions = { gsc = { memory = "2Gi" } }
  }
  expect_failures = [var.functions]
}

run "refuses_a_bucket_elsewhere" {
  command = plan
  override_data {
    target = data.google_storage_bucket.logs["gpt-runner-prod-logs"]
    values = { location = "US-EAST1" }
  }
  expect_failures = [data.google_storage_bucket.logs]
}

run "refuses_a_multi_region_elsewhere" {
  command = plan
  override_data {
    target = data.google_storage_bucket.logs["gpt-runner-prod-logs"]
    values = { location = "EU" }
  }
  expect_failures = [data.google_storage_bucket.logs]
}

run "takes_the_multi_region_around_it" {
  command = plan
  override_data {
    target = data.google_storage_bucket.logs["gpt-runner-prod-logs"]
    values = { location = "ASIA" }
  }
}

run "refuses_a_secret_as_a_setting" {
  command = plan
  variables {
    settings = { OPENAI_API_KEY = "sk-plain" }
  }
  expect_failures = [var.settings]
}

run "refuses_a_setting_that_nobody_reads" {
  command = plan
  variables {
    settings = { LOGLEVEL = "DEBUG" }
  }
  expect_failures = [var.settings]
}

run "refuses_to_do_without_the_key" {
  command = plan
  variables {
    secret_versions = { OPENAI_API_KEY = 1 }
  }
  expect_failures = [var.secret_versions]
}

run "refuses_a_version_that_moves" {
  command = plan
  variables {
    secret_versions = { LOG_AGGREGATOR_SECRET_KEY = 0 }
  }
  expect_failures = [var.secret_versions]
}

run "refuses_a_setting_as_a_secret" {
  command = plan
  variables {
    secret_versions = { LOG_AGGREGATOR_SECRET_KEY = 1, LOG_LEVEL = 1 }
  }
  expect_failures = [var.secret_versions]
}

run "refuses_keys_over_plain_http" {
  command = plan
  variables {
    jwt = { issuer = "https://id.example.com", jwks_url = "http://id.example.com/keys" }
  }
  expect_failures = [var.jwt]
}

run "refuses_everyone_as_a_signer" {
  command = plan
  variables {
    token_signers = ["allUsers"]
  }
  expect_failures = [var.token_signers]
}

run "refuses_a_schedule_without_a_request" {
  command = plan
  variables {
    summary_schedules = "[{\"name\": \"morning\", \"cron\": \"45 8 * * 1-5\"}]"
  }
  expect_failures = [var.summary_schedules]
}

run "refuses_hours_without_a_zone" {
  command = plan
  variables {
    market_hours = "09:15-15:30"
  }
  expect_failures = [var.market_hours]
}

run "refuses_a_level_that_hides_what_is_counted" {
  command = plan
  variables {
    settings = { LOG_LEVEL = "WARNING" }
  }
  expect_failures = [var.settings]
}

run "refuses_hours_of_which_one_is_missing" {
  command = plan
  variables {
    alerts = { fleet_hours_utc = [4] }
  }
  expect_failures = [var.alerts]
}
