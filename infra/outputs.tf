output "gateway_url" {
  description = "Where callers ask."
  value       = "https://${google_api_gateway_gateway.this.default_hostname}"
}

output "image" {
  description = "The image that runs: what a rollback goes back to."
  value       = var.image
}

output "services" {
  description = "Function to its Cloud Run service."
  value       = { for name, one in module.function : name => one.service }
}

output "tokens_account" {
  description = "The account that signs callers' tokens where there is no identity provider; else null."
  value       = var.jwt == null ? google_service_account.tokens.email : null
}
