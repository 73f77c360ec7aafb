# The deployment table: a row for each folder under functions/.
#
#   deadline_s   what the function gives itself (REQUEST_DEADLINE_S); the gateway waits longer
#                (infra/gateway/openapi.yaml.tftpl), and Cloud Run's timeout_s is longer still. Health's checks
#                have one of their own
#   concurrency  requests at a time of one instance, and its threads: one number
#   settings     groups of settings.tf
#   roles        on what it reads: every log bucket, the database, the view of the pods' logs

locals {
  # Whoever keeps state in Firestore writes there; with Redis nobody does.
  state_roles    = var.redis == null ? ["roles/datastore.user"] : []
  document_roles = var.redis == null ? ["roles/datastore.user"] : ["roles/datastore.viewer"]
  object_roles   = ["roles/storage.objectViewer"]
  view_roles     = ["roles/logging.viewAccessor"]

  rows = {
    gcs = {
      memory        = "1Gi" # an object that inflates is held in pieces, 16 requests at a time
      cpu           = "1"
      concurrency   = 16
      max_instances = 10
      deadline_s    = 25
      timeout_s     = 40
      settings      = ["place", "request", "limits", "auth", "gcs", "state"]
      roles         = { buckets = local.object_roles, database = local.state_roles }
    }
    firestore = {
      memory        = "1Gi"
      cpu           = "1"
      concurrency   = 16
      max_instances = 10
      deadline_s    = 25
      timeout_s     = 40
      settings      = ["place", "request", "limits", "auth", "firestore", "state"]
      roles         = { database = local.document_roles }
    }
    pods = {
      memory        = "1Gi"
      cpu           = "1"
      concurrency   = 16
      max_instances = 4 # more would only share the 60 calls a minute that Cloud Logging allows a project
      deadline_s    = 25
      timeout_s     = 40
      settings      = ["place", "request", "limits", "auth", "pods", "state"]
      roles         = { database = local.state_roles, view = local.view_roles }
    }
    summary = {
      memory        = "2Gi" # reads all three sources for one answer
      cpu           = "1"
      concurrency   = 4 # a week of a busy fleet takes some 300 MB while it is read
      max_instances = 4
      deadline_s    = 55 # a summary takes 57 s at most, of which the sources get 25 and the model 30
      timeout_s     = 90
      settings      = ["place", "request", "limits", "auth", "gcs", "firestore", "pods", "state", "summary"]
      roles         = { buckets = local.object_roles, database = local.document_roles, view = local.view_roles }
    }
    metrics = {
      memory        = "512Mi"
      cpu           = "1"
      concurrency   = 16
      max_instances = 2
      deadline_s    = 25
      timeout_s     = 40
      settings      = ["place", "request", "limits", "auth", "state"]
      roles         = { database = local.state_roles }
    }
    health = {
      memory        = "512Mi"
      cpu           = "1"
      concurrency   = 16
      max_instances = 2
      timeout_s     = 40
      settings      = ["place", "auth", "gcs", "firestore", "pods", "state"]
      roles         = { buckets = local.object_roles, database = local.document_roles, view = local.view_roles }
    }
  }

  # The names of the settings that each function reads.
  row_settings = { for name, row in local.rows : name => flatten([for group in row.settings : local.setting_groups[group]]) }

  tuned = {
    for name, row in local.rows :
    name => merge(row, { for column, value in try(var.functions[name], {}) : column => value if value != null })
  }
}

module "function" {
  source   = "./modules/function"
  for_each = local.tuned

  function = each.key
  name     = "${local.name}-${each.key}"
  project  = var.project
  region   = var.region
  image    = var.image

  memory      = each.value.memory
  cpu         = each.value.cpu
  concurrency = each.value.concurrency
  timeout_s   = each.value.timeout_s
  scaling     = { min = lookup(each.value, "min_instances", 0), max = each.value.max_instances }
  network     = var.redis == null ? null : { network = var.redis.network, subnetwork = var.redis.subnetwork }

  environment = {
    for name, value in merge(local.setting_values, { REQUEST_DEADLINE_S = try(each.value.deadline_s, null) }) :
    name => value if contains(local.row_settings[each.key], name)
  }

  secrets = {
    for name in local.row_settings[each.key] :
    name => local.secret_ids[name] if contains(keys(local.secret_references), name)
  }
  bucket_grants = [
    for pair in setproduct(lookup(each.value.roles, "buckets", []), local.buckets) : { role = pair[0], bucket = pair[1] }
  ]
  database_roles = lookup(each.value.roles, "database", [])
  view_roles     = lookup(each.value.roles, "view", [])
  view           = google_logging_log_view.pods.name

  # Only the gateway: callers, the scheduler's jobs and the uptime check all come through it.
  invokers = { gateway = google_service_account.gateway.member }

  depends_on = [google_project_service.apis]
}
