# One function: its service and the account it runs as. What the account may do is in grants.tf.

terraform {
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }
}

locals {
  container_port = 8080
  probe_path     = "/health" # every function answers it, without a token and without touching a setting

  environment = merge(var.environment, {
    FUNCTION_TARGET = var.function
    FUNCTION_SOURCE = "functions/${var.function}/main.py"
    THREADS         = tostring(var.concurrency)
  })
}

resource "google_service_account" "this" {
  account_id   = var.name
  display_name = "Function ${var.function} of the log aggregator"
}

resource "google_cloud_run_v2_service" "this" {
  name     = var.name
  location = var.region
  # API Gateway comes from outside: internal ingress would shut it out. Who may call is IAM's to say.
  ingress = "INGRESS_TRAFFIC_ALL"
  # It holds nothing, and a service that is renamed has to go.
  deletion_protection = false
  labels              = { function = var.function }

  template {
    service_account                  = google_service_account.this.email
    timeout                          = "${var.timeout_s}s"
    max_instance_request_concurrency = var.concurrency
    labels                           = { function = var.function }

    scaling {
      min_instance_count = var.scaling.min
      max_instance_count = var.scaling.max
    }

    containers {
      image = var.image

      ports {
        container_port = local.container_port
      }

      resources {
        limits            = { cpu = var.cpu, memory = var.memory }
        cpu_idle          = true
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = local.environment
        content {
          name  = env.key
          value = env.value
        }
      }

      # The port opens when settings are checked and the function is imported.
      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 30
        http_get {
          path = local.probe_path
          port = local.container_port
        }
      }

      # Patient: when every thread has a request, the probe waits for the next one that ends, and to take the
      # instance away would end them all.
      liveness_probe {
        period_seconds    = 60
        timeout_seconds   = 60
        failure_threshold = 2
        http_get {
          path = local.probe_path
          port = local.container_port
        }
      }
    }

    dynamic "vpc_access" {
      for_each = var.network == null ? [] : [var.network]
      content {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = vpc_access.value.network
          subnetwork = vpc_access.value.subnetwork
        }
      }
    }
  }
}
