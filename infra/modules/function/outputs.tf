output "uri" {
  description = "Address of the service, without a path."
  value       = google_cloud_run_v2_service.this.uri
}

output "service" {
  description = "Name of the service."
  value       = google_cloud_run_v2_service.this.name
}

output "account" {
  description = "E-mail of the account that the service runs as."
  value       = google_service_account.this.email
}
