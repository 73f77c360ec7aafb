# Values are never in the state: bootstrap makes the secrets, `gcloud secrets versions add` fills them, and a
# setting holds the name of one version, which the function reads at its first request.

locals {
  secret_settings = jsondecode(file("${path.module}/secrets.json"))
  # Setting to the secret's id.
  secret_ids = { for name in local.secret_settings : name => lower(replace(name, "_", "-")) }
  # Setting to its value: the version's resource name.
  secret_references = {
    for name, version in var.secret_versions :
    name => "projects/${var.project}/secrets/${local.secret_ids[name]}/versions/${version}"
  }
}
