resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_91:status and latency are metrics of the load balancer, and the server's log has every request's id
  #checkov:skip=CKV2_AWS_20:the listener redirects wherever there is a certificate, and prod is refused without one
  #checkov:skip=CKV2_AWS_28:no web application firewall: one JSON API, which limits size, time and shape of a request itself
  #checkov:skip=CKV_AWS_150:on wherever protected is not set to false, which only an environment to be torn down does
  name               = local.service
  load_balancer_type = "application"
  internal           = false
  security_groups    = [local.network.balancer_group]
  subnets            = split(",", local.network.public_subnets)

  drop_invalid_header_fields = true
  enable_deletion_protection = var.protected
  # shorter than the server keeps a connection, so that no request meets one that is being closed
  idle_timeout = 60
}

resource "aws_lb_target_group" "api" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; the way to the task is inside two security groups
  name        = local.service
  vpc_id      = local.network.vpc_id
  target_type = "ip"
  protocol    = "HTTP"
  port        = local.port
  # requests that run may end; less than the container's time to stop
  deregistration_delay = 20

  # unhealthy after 15 s, healthy after 10 s
  health_check {
    path                = "/healthz"
    matcher             = "200"
    interval            = 5
    timeout             = 3
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "http" {
  #checkov:skip=CKV_AWS_2:a redirect to HTTPS wherever there is a certificate, and prod is refused without one
  #checkov:skip=CKV_AWS_103:this listener speaks no TLS; the other one speaks 1.2 and 1.3
  load_balancer_arn = aws_lb.this.arn
  protocol          = "HTTP"
  port              = 80

  dynamic "default_action" {
    for_each = var.certificate_arn == null ? [] : [1]
    content {
      type = "redirect"
      redirect {
        protocol    = "HTTPS"
        port        = "443"
        status_code = "HTTP_301"
      }
    }
  }

  dynamic "default_action" {
    for_each = var.certificate_arn == null ? [1] : []
    content {
      type             = "forward"
      target_group_arn = aws_lb_target_group.api.arn
    }
  }
}

resource "aws_lb_listener" "https" {
  count = var.certificate_arn == null ? 0 : 1

  load_balancer_arn = aws_lb.this.arn
  protocol          = "HTTPS"
  port              = 443
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}
