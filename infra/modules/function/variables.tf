variable "function" {
  description = "The folder under functions/, which is the target and the metric label too."
  type        = string
}

variable "name" {
  description = "Name of the service and of its account."
  type        = string
}

variable "project" {
  description = "Id of the project."
  type        = string
}

variable "region" {
  description = "Region of the service."
  type        = string
}

variable "image" {
  description = "The image by digest."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "The image must be named by its digest."
  }
}

variable "memory" {
  description = "Memory of an instance, such as 512Mi."
  type        = string
}

variable "cpu" {
  description = "CPUs of an instance; less than 1 allows only one request at a time."
  type        = string
}

variable "concurrency" {
  description = "Requests at a time of one instance, and threads that answer them."
  type        = number
}

variable "timeout_s" {
  description = "Seconds after which Cloud Run gives up on a request."
  type        = number
}

variable "scaling" {
  description = "Instances, at least and at most."
  type        = object({ min = number, max = number })
}

variable "network" {
  description = "Network for private addresses; null: none."
  type        = object({ network = string, subnetwork = string })
  default     = null
}

variable "environment" {
  description = "Settings; a secret is the resource name of one of its versions."
  type        = map(string)
}

variable "secrets" {
  description = "By setting: the id of the secret that the function reads."
  type        = map(string)
}

variable "bucket_grants" {
  description = "Roles on buckets."
  type        = list(object({ role = string, bucket = string }))
}

variable "database_roles" {
  description = "Roles on the Firestore database."
  type        = list(string)
}

variable "view_roles" {
  description = "Roles on the log view."
  type        = list(string)
}

variable "view" {
  description = "Name of the log view in the _Default bucket."
  type        = string
}

variable "invokers" {
  description = "Who may call the service, by any name."
  type        = map(string)
}
