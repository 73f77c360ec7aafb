# Accounts that are not a function's. None of them has a role on the project.

# The gateway calls the functions as this one, and nobody else may call them.
resource "google_service_account" "gateway" {
  account_id   = "${local.name}-gateway"
  display_name = "API gateway of the log aggregator"

  depends_on = [google_project_service.apis]
}

# The jobs send this one's Google ID token through the gateway; ROLE_BINDINGS makes it a scheduler.
resource "google_service_account" "scheduler" {
  account_id   = "${local.name}-scheduler"
  display_name = "Scheduled summaries of the log aggregator"

  depends_on = [google_project_service.apis]
}

# Where there is no identity provider, this one's signature makes a caller's token: Google holds its keys and
# publishes them. Whoever is in token_signers says in the token which roles its bearer has.
resource "google_service_account" "tokens" {
  account_id   = "${local.name}-tokens"
  display_name = "Signs callers' tokens of the log aggregator"

  depends_on = [google_project_service.apis]
}

resource "google_service_account_iam_member" "token_signers" {
  for_each = var.jwt == null ? var.token_signers : []

  service_account_id = google_service_account.tokens.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.value
}
