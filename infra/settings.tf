# The settings of README's table, by what reads them: the classes of shared/config.py. tests/infra holds that
# each function gets those that it reads and no others.

locals {
  setting_groups = {
    place   = ["GOOGLE_CLOUD_PROJECT", "LOG_TIMEZONE"]
    request = ["REQUEST_DEADLINE_S", "SCAN_MAX_BYTES", "LOG_LEVEL", "CORS_ORIGINS"]
    limits  = ["RATE_LIMIT", "AUTH_FAILURE_LIMIT", "TRUSTED_PROXY_HOPS"]
    auth = [
      "LOG_AGGREGATOR_SECRET_KEY", "CURSOR_KEY", "JWT_ISSUER", "JWT_JWKS_URL", "JWT_AUDIENCE", "GOOGLE_JWKS_URL",
      "ROLE_BINDINGS", "ACCESS_POLICY",
    ]
    gcs       = ["GCS_BUCKET_NAME", "GCS_BUCKETS", "GCS_LOG_PREFIXES"]
    firestore = ["FIRESTORE_COLLECTIONS"]
    pods = [
      "KUBERNETES_NAMESPACE", "KUBERNETES_NAMESPACES", "GKE_CLUSTER", "LOGGING_VIEW", "LOGGING_CALLS_PER_MINUTE",
    ]
    state = ["REDIS_URL"]
    summary = [
      "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "OPENAI_MAX_OUTPUT_TOKENS", "OPENAI_PRICES",
      "SUMMARY_DAILY_USD", "SUMMARY_RATE_LIMIT", "SUMMARY_SCHEDULES", "MARKET_HOURS", "SLACK_WEBHOOK_URL",
      "SUMMARY_WEBHOOK_URL", "WEBHOOK_SIGNING_KEY",
    ]
  }

  # What Terraform knows itself. An empty value is no value.
  known_settings = {
    GOOGLE_CLOUD_PROJECT = var.project
    JWT_ISSUER           = local.jwt.issuer
    JWT_JWKS_URL         = local.jwt.jwks_url
    JWT_AUDIENCE         = var.jwt_audience
    ROLE_BINDINGS        = jsonencode(local.role_bindings)
    GCS_BUCKET_NAME      = local.bucket
    GCS_BUCKETS          = join(",", sort(var.more_buckets))
    LOGGING_VIEW         = local.pods_view
    REDIS_URL            = local.redis_url
    SUMMARY_SCHEDULES    = jsonencode(local.schedules)
    MARKET_HOURS         = var.market_hours
  }

  # What `settings` may hold. A deadline is a column of the table.
  plain_settings = setsubtract(
    flatten(values(local.setting_groups)),
    concat(keys(local.known_settings), local.secret_settings, ["REQUEST_DEADLINE_S"]),
  )

  # Whose tokens are believed: an identity provider's, or those that a service account of this project signs.
  jwt = var.jwt != null ? var.jwt : {
    issuer   = google_service_account.tokens.email
    jwks_url = "https://www.googleapis.com/service_accounts/v1/jwk/${google_service_account.tokens.email}"
  }

  # Beside the operator's: the jobs, and the build, which asks the new revision as a viewer.
  build_account = "serviceAccount:${local.name}-build@${var.project}.iam.gserviceaccount.com"
  role_bindings = merge(var.role_bindings, {
    scheduler = concat(lookup(var.role_bindings, "scheduler", []), [google_service_account.scheduler.member])
    viewer    = concat(lookup(var.role_bindings, "viewer", []), [local.build_account])
  })

  # What is otherwise here than elsewhere, unless `settings` say so. Behind the gateway X-Forwarded-For ends with
  # the caller's address and the gateway's, and the socket's is always Google's: one caller without a token would
  # lock everyone out. Source: https://github.com/GoogleCloudPlatform/esp-v2/issues/140 (the headers as they arrive)
  defaults = { TRUSTED_PROXY_HOPS = "2" }

  setting_values = merge(
    { for name, value in merge(local.defaults, var.settings, local.known_settings) : name => value if value != "" },
    local.secret_references,
  )
}
