variable "image" {
  description = "The image that runs, by digest: REPOSITORY@sha256:…"
  type        = string

  validation {
    condition     = can(regex("^[^@\\s]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is named by digest, REPOSITORY@sha256:<64 hex digits>: a tag can be moved, and says nothing of what runs."
  }
}

variable "models" {
  description = "What is served: NAME, NAME@alias or NAME:version."
  type        = list(string)

  validation {
    condition     = length(var.models) > 0
    error_message = "models names one model or more."
  }
}

variable "size" {
  description = "Fargate's size of one task: CPU units and MiB."
  type        = object({ cpu = number, memory = number })
  default     = { cpu = 512, memory = 1024 }
}

variable "architecture" {
  description = "X86_64 or ARM64, as the image was built."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "architecture is X86_64 or ARM64."
  }
}

variable "workers" {
  description = "Processes that answer, in one task."
  type        = number
  default     = 1
}

variable "tasks" {
  description = "Tasks at first; later the deployment or the autoscaling says it."
  type        = number
  default     = 1
}

variable "autoscaling" {
  description = "From how many tasks to how many, and at which CPU load in percent; null leaves the number alone."
  type        = object({ minimum = number, maximum = number, cpu_percent = number })
  default     = null
}

variable "variables" {
  description = "Further variables of the container, such as TABI_VERIFY_KEY. No secret: they can be read by whoever reads the task definition."
  type        = map(string)
  default     = {}
}

variable "user" {
  description = "The user and group of the image who run the server, by number; never root."
  type        = string
  default     = "10001:10001"

  validation {
    condition     = can(regex("^[1-9][0-9]*:[1-9][0-9]*$", var.user))
    error_message = "user is USER:GROUP by number, and neither is root: write 10001:10001, as the image has it."
  }
}

variable "certificate_arn" {
  description = "ACM certificate of the HTTPS listener; without it the load balancer answers plain HTTP."
  type        = string
  default     = null

  validation {
    condition     = var.environment != "prod" || var.certificate_arn != null
    error_message = "prod needs certificate_arn: predictions carry data of people."
  }
}

variable "protected" {
  description = "Whether the load balancer refuses to be removed."
  type        = bool
  default     = true
}

variable "wait" {
  description = "Whether apply waits until the service is healthy."
  type        = bool
  default     = false
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
}
