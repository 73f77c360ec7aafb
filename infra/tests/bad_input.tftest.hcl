# Bad input is refused with a sentence before anything is made. The sentences are in tests/infra.
# Several at once, since each plan takes its time: every one of them has to be refused for itself.

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

# A tag, an empty project, a zone, a function that is not there, a version that moves, keys over plain HTTP,
# everyone as a signer, a schedule without a request, hours without a zone, and hours of which one is missing.
run "refuses_each_of_these" {
  command = plan
  variables {
    image             = "asia-south1-docker.pkg.dev/gpt-runner-prod/log-aggregator/app:latest"
    project           = ""
    region            = "asia-south1-a"
    functions         = { gsc = { memory = "2Gi" } }
    secret_versions   = { LOG_AGGREGATOR_SECRET_KEY = 0 }
    jwt               = { issuer = "https://id.example.com", jwks_url = "http://id.example.com/keys" }
    token_signers     = ["allUsers"]
    summary_schedules = "[{\"name\": \"morning\", \"cron\": \"45 8 * * 1-5\"}]"
    market_hours      = "09:15-15:30"
    alerts            = { fleet_hours_utc = [4] }
  }
  expect_failures = [
    var.image, var.project, var.region, var.functions, var.secret_versions, var.jwt, var.token_signers,
    var.summary_schedules, var.market_hours, var.alerts,
  ]
}

# No image, a project's number, a bucket that is neither named nor made, and no key.
run "refuses_these_too" {
  command = plan
  variables {
    image           = ""
    project         = "123456789012"
    bucket          = null
    secret_versions = { OPENAI_API_KEY = 1 }
  }
  expect_failures = [var.image, var.project, var.bucket, var.secret_versions]
}

run "refuses_a_setting_as_a_secret" {
  command = plan
  variables {
    secret_versions = { LOG_AGGREGATOR_SECRET_KEY = 1, LOG_LEVEL = 1 }
  }
  expect_failures = [var.secret_versions]
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

run "takes_the_pair_of_regions_that_it_is_in" {
  command = plan
  variables {
    region = "us-east1"
  }
  override_data {
    target = data.google_storage_bucket.logs["gpt-runner-prod-logs"]
    values = { location = "NAM4" }
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

run "refuses_a_level_that_hides_what_is_counted" {
  command = plan
  variables {
    settings = { LOG_LEVEL = "WARNING" }
  }
  expect_failures = [var.settings]
}
