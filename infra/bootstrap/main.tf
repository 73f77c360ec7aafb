# What has to be there before the service can be: the bucket of Terraform's state, the registry, the secrets,
# and the account that builds and deploys. Applied once, by hand, by an owner of the project; its own state
# stays where it was applied (it holds no secret), and everything in it can be imported again.

terraform {
  required_version = "~> 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }
}

variable "project" {
  description = "Id of the Google Cloud project."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "Set project to the id of your Google Cloud project (not its name or number): -var project=my-project."
  }
}

variable "region" {
  description = "Region of the registry and the state bucket: the one in infra/env/*.tfvars."
  type        = string
  default     = "asia-south1"
}

variable "environment" {
  description = "Which file of infra/env the triggers deploy: dev or prod."
  type        = string
  default     = "dev"
}

variable "repository" {
  description = "Id of the repository as Cloud Build is connected to it: projects/…/locations/…/connections/…/repositories/…; null: no triggers."
  type        = string
  default     = null
}

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = { app = local.name }
}

locals {
  name = "log-aggregator"
  apis = [
    "artifactregistry.googleapis.com", "cloudbuild.googleapis.com", "cloudresourcemanager.googleapis.com",
    "iam.googleapis.com", "iamcredentials.googleapis.com", "secretmanager.googleapis.com",
    "serviceusage.googleapis.com", "storage.googleapis.com",
  ]
}

resource "google_project_service" "apis" {
  for_each = toset(local.apis)

  service            = each.value
  disable_on_destroy = false
}

resource "google_storage_bucket" "state" {
  name                        = "${var.project}-${local.name}-state"
  location                    = upper(var.region)
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  # A state that was spoiled can be taken back.
  versioning {
    enabled = true
  }
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      num_newer_versions = 50
    }
  }

  depends_on = [google_project_service.apis]
}

# Empty: `gcloud secrets versions add` fills them, so that no value passes through Terraform.
resource "google_secret_manager_secret" "settings" {
  for_each = toset([for name in jsondecode(file("${path.module}/../secrets.json")) : lower(replace(name, "_", "-"))])

  secret_id           = each.value
  deletion_protection = true

  replication {
    auto {}
  }

  depends_on = [google_project_service.apis]
}

output "state_bucket" {
  description = "For terraform -chdir=infra init -backend-config=bucket=…"
  value       = google_storage_bucket.state.name
}

output "image" {
  description = "Where the image is pushed, without a digest."
  value       = "${google_artifact_registry_repository.images.location}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}/app"
}

output "build_account" {
  description = "The account that Cloud Build deploys as."
  value       = google_service_account.build.email
}
