locals {
  apis = setunion(
    [
      "apigateway.googleapis.com", "cloudscheduler.googleapis.com", "firestore.googleapis.com", "iam.googleapis.com",
      "iamcredentials.googleapis.com", "logging.googleapis.com", "monitoring.googleapis.com", "run.googleapis.com",
      "secretmanager.googleapis.com", "servicecontrol.googleapis.com", "servicemanagement.googleapis.com",
      "storage.googleapis.com",
    ],
    var.redis == null ? [] : ["redis.googleapis.com", "compute.googleapis.com"],
    var.budget == null ? [] : ["billingbudgets.googleapis.com"],
  )
}

resource "google_project_service" "apis" {
  for_each = local.apis

  service            = each.value
  disable_on_destroy = false
}
