terraform {
  required_version = "~> 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
    # API Gateway is in the beta provider only.
    google-beta = {
      source  = "hashicorp/google-beta"
      version = "~> 6.50"
    }
  }

  # The bucket is bootstrap's: terraform init -backend-config=bucket=PROJECT-log-aggregator-state
  backend "gcs" {
    prefix = "log-aggregator"
  }
}

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = local.labels
}

provider "google-beta" {
  project        = var.project
  region         = var.region
  default_labels = local.labels
}

locals {
  # What everything of this service is called; two environments are two projects.
  name   = "log-aggregator"
  labels = { app = local.name, environment = var.environment }
}
