# The account of Cloud Build: it pushes images and applies infra/. It can therefore give roles in this project;
# who may start a build, and who approves it, is the boundary.

locals {
  build_roles = [
    "roles/apigateway.admin",
    "roles/cloudscheduler.admin",
    "roles/datastore.owner",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.serviceAccountUser",
    "roles/logging.admin", # views, their readers, and log-based metrics
    "roles/monitoring.editor",
    "roles/resourcemanager.projectIamAdmin",
    "roles/run.admin",
    "roles/servicemanagement.admin",
    "roles/serviceusage.serviceUsageAdmin",
  ]
}

resource "google_service_account" "build" {
  account_id   = "${local.name}-build"
  display_name = "Builds and deploys the log aggregator"

  depends_on = [google_project_service.apis]
}

resource "google_project_iam_member" "build" {
  for_each = toset(local.build_roles)

  project = var.project
  role    = each.value
  member  = google_service_account.build.member
}

# The smoke tests ask the gateway with an ID token that the account has made for itself. gcloud first has an
# access token made, so the right to make ID tokens alone does not do.
resource "google_service_account_iam_member" "build_itself" {
  service_account_id = google_service_account.build.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.build.member
}

# Grants on the log buckets, which may be other projects', are the buckets' owners' to allow; in this project
# the role covers buckets of any name.
resource "google_project_iam_member" "build_buckets" {
  project = var.project
  role    = "roles/storage.admin"
  member  = google_service_account.build.member
}

resource "google_artifact_registry_repository_iam_member" "build" {
  repository = google_artifact_registry_repository.images.name
  location   = google_artifact_registry_repository.images.location
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

resource "google_secret_manager_secret_iam_member" "build" {
  for_each = google_secret_manager_secret.settings

  secret_id = each.value.secret_id
  # Lets it name the readers of a secret, and not read it.
  role   = google_project_iam_custom_role.secret_granter.name
  member = google_service_account.build.member
}

resource "google_project_iam_custom_role" "secret_granter" {
  role_id     = "logAggregatorSecretGranter"
  title       = "Names the readers of secrets"
  permissions = ["secretmanager.secrets.get", "secretmanager.secrets.getIamPolicy", "secretmanager.secrets.setIamPolicy"]

  depends_on = [google_project_service.apis]
}
