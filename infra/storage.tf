# The fleet's log buckets. Functions may read them; the roles are in modules/function/grants.tf.

locals {
  # Names of buckets are one set for all the world: that of a project is free where its id was.
  bucket        = coalesce(var.bucket, "${var.project}-logs")
  found_buckets = setunion(var.more_buckets, var.create_bucket ? [] : [local.bucket])
  buckets       = concat([for one in data.google_storage_bucket.logs : one.name], google_storage_bucket.logs[*].name)

  # The multi-region that holds a region, by the first part of the region's name.
  continents = { asia = "ASIA", us = "US", europe = "EU" }
  # Source: https://cloud.google.com/storage/docs/locations#predefined
  pairs = {
    ASIA1 = ["asia-northeast1", "asia-northeast2"], NAM4 = ["us-central1", "us-east1"],
    EUR4  = ["europe-north1", "europe-west4"], EUR5 = ["europe-west1", "europe-west2"],
    EUR7  = ["europe-west2", "europe-west3"], EUR8 = ["europe-west3", "europe-west6"],
  }
  near = concat(
    [upper(var.region), lookup(local.continents, split("-", var.region)[0], upper(var.region))],
    [for name, regions in local.pairs : name if contains(regions, var.region)],
  )
}

data "google_storage_bucket" "logs" {
  for_each = local.found_buckets

  name = each.value

  lifecycle {
    postcondition {
      condition     = contains(local.near, self.location)
      error_message = "Bucket ${self.name} lies in ${self.location} and the functions would run in ${var.region}: every read would cross the ocean and be paid for. Set region to the bucket's, or name a bucket in ${join(" or ", distinct(local.near))}."
    }
  }
}

resource "google_storage_bucket" "logs" {
  count = var.create_bucket ? 1 : 0

  name                        = local.bucket
  location                    = upper(var.region)
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  depends_on = [google_project_service.apis]
}
