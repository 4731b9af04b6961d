variable "images_kept" {
  description = "How many tagged images are kept. A rollback reaches no further back."
  type        = number
  default     = 100

  validation {
    condition     = var.images_kept >= 10
    error_message = "images_kept below 10 may remove an image that still runs."
  }
}

variable "untagged_days" {
  description = "How long an image without a tag is kept."
  type        = number
  default     = 14
}

variable "force_destroy" {
  description = "Whether destroy may remove a repository that holds images."
  type        = bool
  default     = false
}
