variable "project" {
  description = "Id of the Google Cloud project that everything is made in."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "Set project to the id of your Google Cloud project (not its name or number): edit infra/env/*.tfvars or say -var project=my-project."
  }
}

variable "environment" {
  description = "Label of everything that is made: dev or prod."
  type        = string
  default     = "dev"
}

variable "region" {
  description = "Region of the functions, the database and the jobs: that of the log bucket."
  type        = string
  default     = "asia-south1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "Set region to a region such as asia-south1, not to a zone or a multi-region."
  }
}

variable "gateway_region" {
  description = "Region of the API gateway, which few regions have: the nearest to the callers."
  type        = string
  default     = "asia-northeast1"
}

variable "image" {
  description = "The one image of all functions, by digest: what was tested is what runs."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^[a-z0-9.:-]+(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Set image to a reference with a digest, REGION-docker.pkg.dev/PROJECT/log-aggregator/app@sha256:…: a tag can move. The last lines of a push or of `gcloud artifacts docker images describe` tell it."
  }
}

variable "bucket" {
  description = "The bucket with the fleet's log objects (GCS_BUCKET_NAME); one that is made may be left out and is PROJECT-logs."
  type        = string
  default     = null

  validation {
    condition     = var.bucket != null || var.create_bucket
    error_message = "Set bucket to the name of the log bucket, or create_bucket to true."
  }
  validation {
    condition     = var.bucket == null || can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", var.bucket))
    error_message = "Set bucket to the name of the log bucket, without gs://."
  }
}

variable "create_bucket" {
  description = "Whether to make the log bucket: false where the fleet has one."
  type        = bool
  default     = false
}

variable "more_buckets" {
  description = "Further buckets that callers may ask for (GCS_BUCKETS)."
  type        = set(string)
  default     = []
}

variable "create_database" {
  description = "Whether to make the Firestore database (default): false where the fleet has one."
  type        = bool
  default     = false
}

variable "functions" {
  description = "By function: what differs from its row in functions.tf."
  type = map(object({
    memory        = optional(string)
    cpu           = optional(string)
    concurrency   = optional(number)
    min_instances = optional(number)
    max_instances = optional(number)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.functions), keys(local.rows))) == 0
    error_message = "Each key of functions must be a row of the table in infra/functions.tf; there is none for: ${join(", ", setsubtract(keys(var.functions), keys(local.rows)))}."
  }
}

variable "settings" {
  description = "Settings as in the README's table; those that Terraform knows itself and those that are secrets are refused."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings), local.plain_settings)) == 0
    error_message = "Take out of settings: ${join(", ", setsubtract(keys(var.settings), local.plain_settings))}. A secret goes to secret_versions; the others are no settings, or have a variable of their own in infra/variables.tf."
  }
  validation {
    condition     = contains(["DEBUG", "INFO"], lookup(var.settings, "LOG_LEVEL", "INFO"))
    error_message = "Set LOG_LEVEL to DEBUG or INFO: above, the lines are not written from which the model's cost is counted, and its alert stays silent."
  }
}

variable "secret_versions" {
  description = "By secret setting: the number of the version in Secret Manager. Without one the setting is not set."
  type        = map(number)
  default     = { LOG_AGGREGATOR_SECRET_KEY = 1 }

  validation {
    condition     = length(setsubtract(keys(var.secret_versions), local.secret_settings)) == 0
    error_message = "The keys of secret_versions are settings of infra/secrets.json."
  }
  validation {
    condition     = contains(keys(var.secret_versions), "LOG_AGGREGATOR_SECRET_KEY")
    error_message = "Give LOG_AGGREGATOR_SECRET_KEY a version in secret_versions: no function answers without it."
  }
  validation {
    condition     = alltrue([for version in values(var.secret_versions) : version >= 1 && floor(version) == version])
    error_message = "A version is a whole number from 1: rotating a secret is a change here, so that it can be reviewed and taken back."
  }
}

variable "jwt" {
  description = "Your identity provider; without one, tokens are signed by a service account of this project (token_signers)."
  type        = object({ issuer = string, jwks_url = string })
  default     = null

  validation {
    condition     = var.jwt == null || startswith(try(var.jwt.jwks_url, ""), "https://")
    error_message = "Set jwt.jwks_url to the https:// address of your identity provider's keys."
  }
}

variable "jwt_audience" {
  description = "What the aud of every token must contain."
  type        = string
  default     = "log-aggregator"
}

variable "token_signers" {
  description = "Who may sign tokens as the service account, when there is no identity provider: user:… or group:…"
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.token_signers : can(regex("^(user|group|serviceAccount):", member))])
    error_message = "Members of token_signers are user:…, group:… or serviceAccount:…: never everyone."
  }
}

variable "role_bindings" {
  description = "Role to e-mails of Google identities, as ROLE_BINDINGS: {admin = [\"user:ops@example.com\"]}. The scheduler's jobs and the build's smoke tests are added."
  type        = map(list(string))
  default     = {}
}

variable "summary_schedules" {
  description = "Scheduled summaries as JSON, as SUMMARY_SCHEDULES; the default is shared/summary/schedules.json."
  type        = string
  default     = null

  validation {
    condition     = var.summary_schedules == null || can([for one in jsondecode(var.summary_schedules) : [one.name, one.cron, one.request]])
    error_message = "summary_schedules must be a JSON list of objects with name, cron and request, as in shared/summary/schedules.json."
  }
}

variable "market_hours" {
  description = "MARKET_HOURS: its zone is that of the schedules."
  type        = string
  default     = "09:15-15:30 Asia/Kolkata"

  validation {
    condition     = can(regex("^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2} [A-Za-z_/+-]+$", var.market_hours))
    error_message = "Write market_hours as 09:15-15:30 Asia/Kolkata."
  }
}

variable "alert_emails" {
  description = "Who is told when something is wrong."
  type        = set(string)
  default     = []
}

variable "alerts" {
  description = "When something is wrong: share of 5xx answers, p95 in seconds, dollars of the model a day, and the hours (UTC) of weekdays in which a fleet silent for half an hour is an incident ([]: there is no fleet)."
  type = object({
    error_share     = optional(number, 0.05)
    p95_s           = optional(number, 10)
    daily_usd       = optional(number, 5)
    fleet_hours_utc = optional(list(number), [4, 10])
  })
  default = {}

  validation {
    condition     = contains([0, 2], length(var.alerts.fleet_hours_utc)) && try(var.alerts.fleet_hours_utc[0] < var.alerts.fleet_hours_utc[1], true)
    error_message = "Write alerts.fleet_hours_utc as the first hour and the hour behind the last, [4, 10], or as [] where there is no fleet."
  }
}

variable "budget" {
  description = "A monthly budget of the project, in the billing account's currency; null is none. Whoever applies it needs roles/billing.costsManager on that account."
  type        = object({ billing_account = string, monthly = number })
  default     = null
}

variable "redis" {
  description = "Keep the state in a Redis of this size instead of Firestore; it has a fixed price. Null is none. Whoever applies it needs roles/redis.admin and roles/compute.networkUser."
  type = object({
    memory_gb  = optional(number, 1)
    network    = optional(string, "default")
    subnetwork = optional(string, "default")
  })
  default = null
}
