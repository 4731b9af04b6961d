variable "old_version_days" {
  description = "How long an overwritten version of an object is kept."
  type        = number
  default     = 90
}

variable "force_destroy" {
  description = "Whether destroy may remove a bucket that holds models."
  type        = bool
  default     = false
}
