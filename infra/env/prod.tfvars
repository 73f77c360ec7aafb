# Production. The project and the bucket are yours to name.
environment = "prod"
project     = "gpt-runner-prod"
region      = "asia-south1"
bucket      = "gpt-runner-prod-logs"

secret_versions = {
  LOG_AGGREGATOR_SECRET_KEY = 1
}
