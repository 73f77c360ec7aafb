# The database holds the fleet's log documents and the service's own state (shared/state/firestore_store.py).
#
# No composite index: log documents are read by their ids, which needs none, and the state by `key` alone.
# tests/infra records the queries that are really sent and compares them with this file.

locals {
  database         = "(default)"
  state_collection = "log_aggregator_state"
}

resource "google_firestore_database" "this" {
  count = var.create_database ? 1 : 0

  name                    = local.database
  location_id             = var.region
  type                    = "FIRESTORE_NATIVE"
  delete_protection_state = "DELETE_PROTECTION_ENABLED"
  deletion_policy         = "ABANDON"

  depends_on = [google_project_service.apis]
}

# Nothing of the state is looked up by any field but `key`: an index of the others would be paid for with
# every write, and one of growing times is a hot spot.
resource "google_firestore_field" "state" {
  database   = local.database
  collection = local.state_collection
  field      = "*"

  index_config {}

  depends_on = [google_firestore_database.this, google_project_service.apis]
}

resource "google_firestore_field" "state_key" {
  database   = local.database
  collection = local.state_collection
  field      = "key"

  index_config {
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION"
    }
  }

  # One change of a database's fields at a time.
  depends_on = [google_firestore_field.state]
}

resource "google_firestore_field" "state_expires_at" {
  database   = local.database
  collection = local.state_collection
  field      = "expires_at"

  ttl_config {}
  index_config {}

  depends_on = [google_firestore_field.state_key]
}
