# The API gateway, from the one OpenAPI file. Only the beta provider has it.

locals {
  openapi = templatefile("${path.module}/gateway/openapi.yaml.tftpl", merge(
    { for name, one in module.function : "${name}_address" => one.uri },
    { jwt_issuer = local.jwt.issuer, jwt_jwks_uri = local.jwt.jwks_url, jwt_audience = var.jwt_audience },
  ))
}

resource "google_api_gateway_api" "this" {
  provider = google-beta

  api_id = local.name

  depends_on = [google_project_service.apis]
}

# The gateway reports to a service of its own, which is off at first: then every call is a 403.
resource "google_project_service" "managed" {
  service            = google_api_gateway_api.this.managed_service
  disable_on_destroy = false

  # Nothing can be switched on that has no config yet.
  depends_on = [google_api_gateway_api_config.this]
}

resource "google_api_gateway_api_config" "this" {
  provider = google-beta

  api = google_api_gateway_api.this.api_id
  # A config never changes: a new one is made, the gateway moves over, then the old one goes.
  api_config_id = "v-${substr(sha256(local.openapi), 0, 16)}"

  openapi_documents {
    document {
      path     = "openapi.yaml"
      contents = base64encode(local.openapi)
    }
  }

  gateway_config {
    backend_config {
      google_service_account = google_service_account.gateway.email
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_api_gateway_gateway" "this" {
  provider = google-beta

  gateway_id = local.name
  region     = var.gateway_region
  api_config = google_api_gateway_api_config.this.id

  depends_on = [google_project_service.managed]
}
