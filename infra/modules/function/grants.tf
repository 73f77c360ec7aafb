# What the function may do and who may call it; on the single bucket, secret, database and view.

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.invokers

  name     = google_cloud_run_v2_service.this.name
  location = google_cloud_run_v2_service.this.location
  role     = "roles/run.invoker"
  member   = each.value
}

resource "google_secret_manager_secret_iam_member" "reader" {
  for_each = var.secrets

  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}

resource "google_storage_bucket_iam_member" "objects" {
  for_each = { for grant in var.bucket_grants : "${grant.bucket} ${grant.role}" => grant }

  bucket = each.value.bucket
  role   = each.value.role
  member = google_service_account.this.member
}

# Firestore has no policy of its own: the condition narrows the project's to the one database.
resource "google_project_iam_member" "database" {
  for_each = toset(var.database_roles)

  project = var.project
  role    = each.value
  member  = google_service_account.this.member

  condition {
    title      = "default database only"
    expression = "resource.name == \"projects/${var.project}/databases/(default)\""
  }
}

resource "google_logging_log_view_iam_member" "lines" {
  for_each = toset(var.view_roles)

  parent   = "projects/${var.project}"
  location = "global"
  bucket   = "_Default"
  name     = var.view
  role     = each.value
  member   = google_service_account.this.member
}
