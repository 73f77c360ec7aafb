# Optional: Redis answers faster than Firestore and has a price by the hour. Off by default.

locals {
  redis_url = join("", [for one in google_redis_instance.state : "redis://${one.host}:${one.port}/0"])
}

resource "google_redis_instance" "state" {
  count = var.redis == null ? 0 : 1

  name               = "${local.name}-state"
  tier               = "BASIC"
  memory_size_gb     = var.redis.memory_gb
  region             = var.region
  redis_version      = "REDIS_7_2"
  authorized_network = var.redis.network
  # When it is full, the oldest goes of what may be forgotten: the sums of /metrics have no end and stay.
  redis_configs = { maxmemory-policy = "volatile-lru" }

  depends_on = [google_project_service.apis]
}
