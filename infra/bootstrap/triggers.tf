# Every change is a pull request: its plan is shown, and what is merged is deployed. Off until Cloud Build is
# connected to the repository, which only a person can do.

resource "google_cloudbuild_trigger" "pull_request" {
  count = var.repository == null ? 0 : 1

  name            = "${local.name}-plan"
  location        = var.region
  description     = "Tests a pull request and shows the plan"
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.build.id
  substitutions   = { _ENVIRONMENT = var.environment, _REGION = var.region, _APPLY = "false" }

  repository_event_config {
    repository = var.repository
    pull_request {
      branch = "^main$"
      # A build runs the pull request's own code as the account that deploys: someone who may write to the
      # repository reads it first, and says /gcbrun.
      comment_control = "COMMENTS_ENABLED"
    }
  }
}

resource "google_cloudbuild_trigger" "merged" {
  count = var.repository == null ? 0 : 1

  name            = "${local.name}-deploy"
  location        = var.region
  description     = "Deploys what was merged"
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.build.id
  substitutions   = { _ENVIRONMENT = var.environment, _REGION = var.region }

  approval_config {
    approval_required = var.environment == "prod"
  }

  repository_event_config {
    repository = var.repository
    push {
      branch = "^main$"
    }
  }
}
