# A project of its own to try things in: it has neither a bucket nor a database of the fleet's. The build says
# its own project in the place of this one.
environment = "dev"
project     = "gpt-runner-dev"
region      = "asia-south1"

create_bucket   = true
create_database = true

functions = {
  gcs       = { max_instances = 2 }
  firestore = { max_instances = 2 }
  pods      = { max_instances = 2 }
}

settings = {
  LOG_LEVEL = "DEBUG"
}

alerts = { fleet_hours_utc = [] }

secret_versions = {
  LOG_AGGREGATOR_SECRET_KEY = 1
}
